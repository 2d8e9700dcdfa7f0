package dev.outrider.checkpoints;

/** Types of GGUF metadata, in the order of their numbers. */
enum GgufKind {
    UINT8(1),
    INT8(1),
    UINT16(2),
    INT16(2),
    UINT32(4),
    INT32(4),
    FLOAT32(4),
    BOOL(1),
    /** Length, then UTF-8. */
    STRING(8),
    /** Kind of the elements, their number, the elements. */
    ARRAY(12),
    UINT64(8),
    INT64(8),
    FLOAT64(8);

    /** Size in the file; of strings and arrays the smallest possible. */
    final int bytes;

    GgufKind(int bytes) {
        this.bytes = bytes;
    }

    boolean isWhole() {
        return switch (this) {
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
        };
    }

    boolean isReal() {
        return this == FLOAT32 || this == FLOAT64;
    }
}
