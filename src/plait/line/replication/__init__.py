"""What every replicated line shares: the log's shape, followers' progress, matching and cutting.

`log_view` is one member's log, `sender` pushes it to others, `receiver` accepts what is pushed;
`passing` is a follower that pushes on, `source` what it is to whom it feeds.
Primary adds promotion and rescue; consensus will add elections. All of it is sans-IO.
"""
