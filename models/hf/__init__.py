"""Language models in this process: transformers, with a trie of keys and values.

``trie`` keeps what was computed, by token prefix; ``attention`` lets a model read it; ``engine``
runs many requests as one; ``grammar`` holds a reply to a call; ``formats`` is the text around it.
"""
