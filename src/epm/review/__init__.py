"""What people say of items that the teacher is unsure of: the queue, their answers, and the files in which both travel."""
