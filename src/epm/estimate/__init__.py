"""What a command would ask and cost, before it is let loose."""
