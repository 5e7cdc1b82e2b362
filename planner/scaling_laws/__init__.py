"""Laws as data: equations, constants, conventions, range, source and draws; published and fitted ones are one type."""
