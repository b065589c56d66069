"""Many texts scored at once with numpy alone, where the kernel in C was not built."""
