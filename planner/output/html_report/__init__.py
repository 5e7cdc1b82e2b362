"""One page that plans in a browser: the forms' own derivations as JavaScript, the constants of the law files, nothing fetched."""
