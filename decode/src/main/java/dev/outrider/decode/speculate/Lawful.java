package dev.outrider.decode.speculate;

/** What a drafter that knows its whole law can lend to a mean of several ({@link Mixed}). */
interface Lawful {
    /**
     * to[id] += weight · P(id), P being the law of the position behind the text, at temperature 1 and without filters.
     *
     * @param to [V], of the target's ids
     */
    void addLaw(double[] to, double weight);
}
