"""`python -m redraft.sandbox`: the same command as `redraft sandbox`, without the rest of redraft."""

from redraft.sandbox.command import sandbox_command

if __name__ == "__main__":
    sandbox_command()
