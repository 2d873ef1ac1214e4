"""What makes the README's and the book's generated parts, and what runs the chapters."""
