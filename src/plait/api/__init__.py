"""What people hold in their hands: Store, Table, Session and settings, over one small port."""
