"""From a lesson's source to the worked and the student's notebook."""
