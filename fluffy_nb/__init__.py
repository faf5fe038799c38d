"""Build, watch, steer and resume workflows of plain Python functions, in a notebook and without."""
