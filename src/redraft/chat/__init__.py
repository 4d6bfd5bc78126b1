"""Study 4: chats that people export, examples of one person's replies, and what is made of them."""
