"""What a person means: the intent of a message by nearness to declared examples, its arguments by typed parsers."""
