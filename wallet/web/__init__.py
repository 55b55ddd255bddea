"""What phones, browsers and Google call: the public endpoints of passes, apart from the gRPC edge."""
