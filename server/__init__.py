"""The gRPC edge: interceptors in one order, and a thin servicer for each service."""
