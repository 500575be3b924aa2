"""Records a lab's fixtures from its reference, and proves that they can be trusted. Instructors only."""
