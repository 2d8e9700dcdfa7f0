package dev.outrider.checkpoints.tokenizer;

/**
 * The tokens around a text.
 *
 * @param bos begin-of-text id, or -1
 * @param eos end-of-text id, or -1
 * @param pad id that fills rows up, or -1
 * @param addsBos whether the model expects BOS before every text
 * @param addsEos whether EOS belongs behind every text
 */
record Ends(int bos, int eos, int pad, boolean addsBos, boolean addsEos) {
    /** As LLaMA has it: BOS before every text where there is one. */
    static Ends llama(int bos, int eos) {
        return new Ends(bos, eos, -1, bos >= 0, false);
    }
}
