package dev.outrider.decode.device.cuda.ptx;

import java.util.function.ToLongFunction;

/** The special registers that do not change while a thread runs: PTX ISA 10. */
final class Specials {
    private Specials() {}

    static ToLongFunction<Lane> of(String name) {
        return switch (name) {
            case "%tid.x" -> t -> t.x;
            case "%tid.y" -> t -> t.y;
            case "%tid.z" -> t -> t.z;
            case "%ntid.x" -> t -> t.cta.launch.block[0];
            case "%ntid.y" -> t -> t.cta.launch.block[1];
            case "%ntid.z" -> t -> t.cta.launch.block[2];
            case "%ctaid.x" -> t -> t.cta.x;
            case "%ctaid.y" -> t -> t.cta.y;
            case "%ctaid.z" -> t -> t.cta.z;
            case "%nctaid.x" -> t -> t.cta.launch.grid[0];
            case "%nctaid.y" -> t -> t.cta.launch.grid[1];
            case "%nctaid.z" -> t -> t.cta.launch.grid[2];
            case "%laneid" -> Lane::lane;
            case "%warpid" -> t -> t.index >> 5;
            case "%nwarpid" -> t -> t.cta.lanes.length + 31 >> 5;
            case "WARP_SZ" -> t -> 32;
            case "%lanemask_eq" -> t -> 1L << t.lane();
            case "%lanemask_lt" -> t -> (1L << t.lane()) - 1;
            case "%lanemask_le" -> t -> (2L << t.lane()) - 1;
            case "%lanemask_gt" -> t -> 0xffffffffL & -2L << t.lane();
            case "%lanemask_ge" -> t -> 0xffffffffL & -1L << t.lane();
            case "%dynamic_smem_size" -> t -> t.cta.launch.dynamicShared;
            default -> null;
        };
    }
}
