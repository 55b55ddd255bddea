"""What Fealty measures itself by: ratios of two things done in one run on one machine."""
