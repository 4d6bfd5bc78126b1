"""The process that trains a curriculum on this machine: `training.local` with the measures of `answering`."""
