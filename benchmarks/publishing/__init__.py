"""The page about the benchmarks, made from what runs have measured.

sources    files of runs: read, checked, put together
page       the page: the template with what was measured in it
sections   its pieces
markdown   tables, pictures, escaping
page.md    the template: what people have written; ``<!-- here: NAME -->`` takes a piece
parts      the same for each part, by its name
"""
