"""From gradings to grades: lateness, adjustments, which attempt counts, regrades and appeals. All of it derived."""
