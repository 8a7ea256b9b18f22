"""MLPs, experts and their routers."""
