package dev.outrider.trainer.clip;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import java.util.Arrays;

/**
 * The loss of CLIP (Radford et al., 2103.00020; InfoNCE of van den Oord et al., 1807.03748, both ways). With pictures a_i
 * and captions b_i brought to length 1, and the scale s = e^t:
 * <pre>
 *   S_ij = s · a_i·b_j,   L = -1/2B · Σ_i (log softmax_j S_ij at j = i  +  log softmax_j S_ji at j = i)
 *   dL/dS = 1/2B · (P + Q - 2I),   P and Q the softmax of rows and of columns;   dL/dt = Σ dL/dS ∘ S
 * </pre>
 * Pairs that may not be told apart ({@link PairBatch#alike}) are left out of each other's sums: an equal caption is true of
 * both pictures, and no negative. All memory is taken at the start. Not safe for several threads.
 */
public final class ContrastiveLoss implements AutoCloseable {
    private static final int ROW = 0, COLUMN = 1;
    /** Below it a vector has no direction. */
    private static final double LEAST_LENGTH = 1e-12;

    private final Device device;
    private final int width;

    /** One half's embeddings: their lengths, and what they are at length 1, [B, E]; values on the host too. */
    private final class Half implements AutoCloseable {
        private final double[] lengths;
        private final float[] unit;
        private final Buffer units;

        Half(int most) {
            lengths = new double[most];
            unit = new float[most * width];
            units = device.allocate(DType.F32, unit.length);
        }

        void take(Buffer embeddings, int batch) {
            device.download(embeddings, unit, 0, batch * width);
            for (int i = 0; i < batch; i++) lengths[i] = shorten(i * width);
            device.upload(unit, 0, units, batch * width);
        }

        private double shorten(int at) {
            double squares = 0;
            for (int k = at; k < at + width; k++) squares += (double) unit[k] * unit[k];
            double length = Math.max(LEAST_LENGTH, Math.sqrt(squares));
            for (int k = at; k < at + width; k++) unit[k] = (float) (unit[k] / length);
            return length;
        }

        /** Through the shortening: (d - u (u·d)) / length, d the gradient of the units u. */
        void gradient(Buffer unitGradients, Buffer into, int batch) {
            device.download(unitGradients, host, 0, batch * width);
            for (int i = 0; i < batch; i++) project(i * width, lengths[i]);
            device.upload(host, 0, into, batch * width);
        }

        private void project(int at, double length) {
            double along = 0;
            for (int k = at; k < at + width; k++) along += (double) unit[k] * host[k];
            for (int k = at; k < at + width; k++) host[k] = (float) ((host[k] - unit[k] * along) / length);
        }

        @Override
        public void close() {
            device.free(units);
        }
    }

    private final Half pictures;
    private final Half captions;
    /** [B, B], S / s, then dL/dS · s; [B, E]. */
    private final Buffer square, change;

    private final float[] cosines, host;
    private final double[] slopes;
    private final boolean[] apart;

    private int batch;
    private double scale;
    private double slope;
    private int excluded;
    /** Rows of S whose pair is the likeliest, and columns. */
    private final int[] found = new int[2];

    /**
     * @param most pairs of a batch
     * @param width E
     */
    public ContrastiveLoss(Device device, int most, int width) {
        this.device = device;
        this.width = width;
        host = new float[most * width];
        pictures = new Half(most);
        captions = new Half(most);
        square = device.allocate(DType.F32, (long) most * most);
        change = device.allocate(DType.F32, (long) most * width);
        cosines = new float[most * most];
        slopes = new double[most * most];
        apart = new boolean[most * most];
    }

    /**
     * The loss of a batch, the mean of both ways.
     *
     * @param pictureRows F32 [B, E], of any length, as the captions'
     * @param logScale t
     */
    public double of(Buffer pictureRows, Buffer captionRows, PairBatch pairs, double logScale) {
        batch = pairs.size();
        scale = Math.exp(logScale);
        pictures.take(pictureRows, batch);
        captions.take(captionRows, batch);
        device.linear(square, pictures.units, captions.units, batch, width, batch, 0);
        device.download(square, cosines, 0, batch * batch);
        separate(pairs);
        Arrays.fill(slopes, 0, batch * batch, 0);
        Arrays.fill(found, 0);
        double sum = 0;
        for (int i = 0; i < batch; i++) sum += line(ROW, i) + line(COLUMN, i);
        slope = 0;
        for (int i = 0; i < batch * batch; i++) slope += slopes[i] * scale * cosines[i];
        return sum / (2 * batch);
    }

    private void separate(PairBatch pairs) {
        excluded = 0;
        for (int i = 0; i < batch; i++) {
            for (int j = 0; j < i; j++) {
                boolean apart = !pairs.alike(i, j);
                this.apart[i * batch + j] = this.apart[j * batch + i] = apart;
                if (!apart) excluded += 2;
            }
            apart[i * batch + i] = true;
        }
    }

    // A row or a column of S: its part of the loss and of the slopes, and whether the pair itself is the likeliest.
    private double line(int way, int own) {
        int stride = way == ROW ? 1 : batch, first = way == ROW ? own * batch : own;
        int best = best(own, first, stride);
        if (best == own) found[way]++;
        double most = scale * cosines[first + best * stride], sum = 0;
        for (int k = 0; k < batch; k++) {
            if (apart[own * batch + k]) sum += exponential(first + k * stride, most);
        }
        double log = most + Math.log(sum);
        for (int k = 0; k < batch; k++) {
            if (apart[own * batch + k])
                slopes[first + k * stride] += exponential(first + k * stride, log) / (2 * batch);
        }
        slopes[first + own * stride] -= 1.0 / (2 * batch);
        return log - scale * cosines[first + own * stride];
    }

    private int best(int own, int first, int stride) {
        int best = -1;
        for (int k = 0; k < batch; k++) {
            if (!apart[own * batch + k]) continue;
            if (best < 0 || cosines[first + k * stride] > cosines[first + best * stride]) best = k;
        }
        return best;
    }

    private double exponential(int at, double less) {
        return Math.exp(scale * cosines[at] - less);
    }

    /** dL/dt of the last loss. */
    public double logScaleGradient() {
        return slope;
    }

    /** Of the last batch's pictures the share whose own caption is the likeliest of those that are compared. */
    public double pictureAccuracy() {
        return (double) found[ROW] / batch;
    }

    /** Of the last batch's captions the share whose own picture is the likeliest of those that are compared. */
    public double captionAccuracy() {
        return (double) found[COLUMN] / batch;
    }

    /** The share of the last batch's B·(B - 1) negatives that were left out. */
    public double leftOut() {
        return (double) excluded / Math.max(1, batch * (batch - 1));
    }

    /** Gradients of the last loss, F32 [B, E] each, replacing what is there. */
    public void gradients(Buffer ofPictures, Buffer ofCaptions) {
        for (int i = 0; i < batch * batch; i++) cosines[i] = (float) (slopes[i] * scale);
        device.upload(cosines, 0, square, batch * batch);
        device.linearInputGradient(change, square, captions.units, batch, width, batch, 0);
        pictures.gradient(change, ofPictures, batch);
        device.linearWeightGradient(change, square, pictures.units, batch, width, batch, 0);
        captions.gradient(change, ofCaptions, batch);
    }

    @Override
    public void close() {
        pictures.close();
        captions.close();
        device.free(square);
        device.free(change);
    }
}
