"""Fine-tuning of causal language models on conversations: ``toolgrove train toolllama``.

``config`` is what is asked for; ``rows`` turns conversations into the tokens of inference;
``batches`` orders and packs them; ``base`` loads models; ``trainer`` trains; ``plan`` says what it
will take, ``card`` what came out.
"""
