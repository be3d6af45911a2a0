"""Leader–follower without elections: acks define commit, promotion seals and then chooses."""
