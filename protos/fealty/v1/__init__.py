"""Version 1 of the contract: `<noun>_pb2` has the messages, `<noun>_pb2_grpc` the stubs."""
