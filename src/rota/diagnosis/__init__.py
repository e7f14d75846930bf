"""What is wrong, and why: the one room that judges what nodes, ledger and files say."""
