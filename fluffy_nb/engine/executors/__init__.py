"""Where a state's function runs: an async one on the run's loop, a plain one in a thread."""
