package dev.outrider.decode.device.cuda.ptx;

/** Where an address points. Generic addresses carry the space in their upper four bits; global and constant ones are native addresses. */
enum Space {
    GENERIC(-1),
    GLOBAL(0),
    SHARED(1),
    LOCAL(2),
    PARAM(3);

    final int tag;

    Space(int tag) {
        this.tag = tag;
    }

    /** The space that an opcode names. */
    static Space of(Statement s) {
        for (int i = 1; i < s.words().length; i++) {
            switch (s.words()[i]) {
                case "global", "const" -> {
                    return GLOBAL;
                }
                case "shared", "shared::cta" -> {
                    return SHARED;
                }
                case "local" -> {
                    return LOCAL;
                }
                case "param", "param::entry", "param::func" -> {
                    return PARAM;
                }
                default -> {}
            }
        }
        return GENERIC;
    }
}
