package dev.outrider.decode.speculate;

/** A probability law over the vocabulary. */
public final class Law {}
