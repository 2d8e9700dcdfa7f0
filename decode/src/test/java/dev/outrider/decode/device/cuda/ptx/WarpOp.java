package dev.outrider.decode.device.cuda.ptx;

/** What threads of a warp do together once all of the mask that have not ended are there. */
interface WarpOp {
    /** @param lanes the warp's threads; null where they do not take part */
    void together(Lane[] lanes, int mask);

    /** Whether memory is ordered too. Of PTX's instructions for warps bar.warp.sync alone does that. */
    default boolean orders() {
        return false;
    }

    /** bar.warp.sync */
    WarpOp BARRIER = new WarpOp() {
        @Override
        public void together(Lane[] lanes, int mask) {}

        @Override
        public boolean orders() {
            return true;
        }
    };
}
