"""Speed of fastmlp against what it replaces. Benchmarks report; they assert nothing about time."""
