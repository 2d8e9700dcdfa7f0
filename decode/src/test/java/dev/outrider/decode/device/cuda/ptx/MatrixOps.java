package dev.outrider.decode.device.cuda.ptx;

import java.util.List;

/**
 * mma.sync and ldmatrix: PTX ISA 9.7.14, with the fragments as its figures lay them out. Products are exact; a row's sum is made
 * in double and rounded to f32 once (a card's order and rounding are not documented).
 */
final class MatrixOps {
    private MatrixOps() {}

    static Step.Flow of(Statement s, Coder c, int next) {
        return s.name().equals("mma") ? mma(s, c, next) : ldmatrix(s, c, next);
    }

    private static int[] slots(Statement s, Coder c, Operand operand, int count, boolean out) {
        List<Operand> parts = operand instanceof Operand.Pack pack ? pack.parts() : List.of(operand);
        if (parts.size() != count) throw s.unknown("a fragment of " + parts.size() + " registers, not " + count);
        return parts.stream().mapToInt(o -> out ? c.out(o) : c.in(o, Type.B32)).toArray();
    }

    /** D = A·B + C of m16n8k8 and m16n8k16: lane = 4·group + t; A by rows, B by columns. */
    private static Step.Flow mma(Statement s, Coder c, int next) {
        s.only("sync", "aligned", "m16n8k16", "m16n8k8", "row", "col");
        Type[] types = s.types();
        boolean plain = s.has("sync") && s.has("row") && s.has("col") && types.length == 4 && types[1] == types[2];
        if (!plain || types[0] != Type.F32 || types[3] != Type.F32) throw s.unknown("this mma");
        Type type = types[1];
        int depth = s.has("m16n8k16") ? 16 : 8, per = 4 / Math.max(type.bytes, 2);
        if (type != Type.F16 && type != Type.BF16 && (type != Type.TF32 || depth != 8)) throw s.unknown("this type");
        int registers = depth / per / 2;
        int[] d = slots(s, c, s.operand(0), 4, true), a = slots(s, c, s.operand(1), registers, false);
        int[] b = slots(s, c, s.operand(2), registers / 2, false), e = slots(s, c, s.operand(3), 4, false);
        WarpOp op = (lanes, mask) -> {
            double[][] left = new double[16][depth], right = new double[8][depth];
            for (int i = 0; i < 32; i++) {
                if (lanes[i] == null) throw new PtxFault("lane " + i + " does not take part");
                long[] r = lanes[i].r;
                int group = i >> 2, within = i & 3;
                for (int j = 0; j < registers; j++) {
                    for (int h = 0; h < per; h++) {
                        int k = within * per + h + (j >> 1) * 4 * per;
                        left[group + (j & 1) * 8][k] = Half.real(type, r[a[j]] >> 16 * h, false);
                    }
                }
                for (int j = 0; j < registers / 2; j++) {
                    for (int h = 0; h < per; h++)
                        right[group][within * per + h + j * 4 * per] = Half.real(type, r[b[j]] >> 16 * h, false);
                }
            }
            for (Lane t : lanes) {
                int group = t.lane() >> 2, within = t.lane() & 3;
                float[] out = new float[4];
                for (int j = 0; j < 4; j++) {
                    double sum = Float.intBitsToFloat((int) t.r[e[j]]);
                    for (int k = 0; k < depth; k++)
                        sum += left[group + (j >> 1) * 8][k] * right[within * 2 + (j & 1)][k];
                    out[j] = (float) sum;
                }
                for (int j = 0; j < 4; j++) t.r[d[j]] = FloatOps.nan(out[j]);
            }
        };
        int all = -1;
        return (t, r) -> t.meet(op, s, all, next);
    }

    /** 8 x 8 matrices of 16 bits: the rows' addresses are those of lanes 8·i to 8·i + 7. */
    private static Step.Flow ldmatrix(Statement s, Coder c, int next) {
        s.only("sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "shared::cta");
        int count = s.has("x4") ? 4 : s.has("x2") ? 2 : 1;
        boolean transposed = s.has("trans");
        if (s.type() != Type.B16) throw s.unknown("type");
        int[] d = slots(s, c, s.operand(0), count, true);
        Operand.Address from = c.pointer(s.operand(1));
        Space space = Space.of(s);
        int a = c.address(from.base());
        WarpOp op = (lanes, mask) -> {
            short[][] rows = new short[8 * count][8];
            for (int i = 0; i < 32; i++) if (lanes[i] == null) throw new PtxFault("lane " + i + " does not take part");
            for (int i = 0; i < rows.length; i++) {
                long at = lanes[i].at(space, lanes[i].r[a] + from.offset(), 16, Access.READ);
                for (int k = 0; k < 8; k++) rows[i][k] = PtxMemory.ALL.get(MemoryOps.SHORT, at + 2 * k);
            }
            for (Lane t : lanes) {
                int group = t.lane() >> 2, within = 2 * (t.lane() & 3);
                for (int j = 0; j < count; j++) {
                    short low = transposed ? rows[8 * j + within][group] : rows[8 * j + group][within];
                    short high = transposed ? rows[8 * j + within + 1][group] : rows[8 * j + group][within + 1];
                    t.r[d[j]] = low & 0xffff | high << 16;
                }
            }
        };
        int all = -1;
        return (t, r) -> t.meet(op, s, all, next);
    }
}
