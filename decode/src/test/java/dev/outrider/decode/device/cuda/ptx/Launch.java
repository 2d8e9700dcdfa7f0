package dev.outrider.decode.device.cuda.ptx;

/** What all blocks of one launch share. */
final class Launch {
    static final byte UNWRITTEN = 1, WRITTEN = 2;

    final Code kernel;
    final int[] grid, block;
    final int dynamicShared;
    /** Native address of the parameters. */
    final long parameters;

    final int parameterBytes;
    /** Per byte of shared memory: 0 between variables, else {@link #UNWRITTEN}. */
    final byte[] sharedMap;

    final String sharedNames;
    final PtxMemory.Range[] ranges;
    final PtxMachine.Settings settings;
    final long seed, limit;
    final boolean races, poison, profile;
    final Object atomics;

    Launch(
            Code kernel,
            int[] grid,
            int[] block,
            int dynamicShared,
            long parameters,
            int parameterBytes,
            byte[] sharedMap,
            String sharedNames,
            PtxMemory memory,
            PtxMachine.Settings settings) {
        this.kernel = kernel;
        this.grid = grid;
        this.block = block;
        this.dynamicShared = dynamicShared;
        this.parameters = parameters;
        this.parameterBytes = parameterBytes;
        this.sharedMap = sharedMap;
        this.sharedNames = sharedNames;
        this.ranges = memory.ranges();
        this.atomics = memory;
        this.settings = settings;
        seed = settings.seed;
        limit = settings.limit;
        races = settings.races;
        poison = settings.poison;
        profile = settings.profile;
    }

    int blocks() {
        return grid[0] * grid[1] * grid[2];
    }

    /** {@code block (0, 0, 0), thread (5, 0, 0)}. */
    String name(int number, int index) {
        return "block " + triple(number, grid) + ", thread " + triple(index, block);
    }

    private static String triple(int number, int[] of) {
        return "(" + number % of[0] + ", " + number / of[0] % of[1] + ", " + number / of[0] / of[1] + ")";
    }
}
