"""`dcmlint fix`: repair what can be repaired without inventing anything.

``plan`` decides for one input what is changed and proves that nothing else is; ``write`` puts it on the disk;
``run`` does both for many; ``diff`` shows it.
"""
