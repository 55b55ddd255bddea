"""Acts over many accounts: begun by a call, done by workers in steps, watched and cancelled meanwhile."""
