"""A learned reading of a message's arguments: which of its words are what a tool asks for. The rules' reading is its hint."""
