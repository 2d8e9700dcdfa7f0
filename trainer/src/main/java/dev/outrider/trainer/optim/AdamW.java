package dev.outrider.trainer.optim;

import dev.outrider.checkpoints.DType;
import dev.outrider.decode.device.Buffer;
import dev.outrider.decode.device.Device;
import dev.outrider.trainer.layer.TrainedModel;

/**
 * AdamW (Loshchilov and Hutter, 1711.05101) over a graph's flat parameters, decay on matrices alone,
 * after clipping by the global norm. The moments live on the graph's device.
 */
public final class AdamW implements AutoCloseable {
    private final TrainedModel graph;
    private final Device device;
    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private final double decay;
    private final Buffer first;
    private final Buffer second;

    public AdamW(TrainedModel graph, double beta1, double beta2, double epsilon, double decay) {
        this.graph = graph;
        this.device = graph.device();
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.epsilon = epsilon;
        this.decay = decay;
        long n = graph.parameters().elements();
        this.first = device.allocate(DType.F32, n);
        this.second = device.allocate(DType.F32, n);
    }

    /** Norm of the gradients of all that is trained, before clipping. */
    public double norm() {
        double squares = 0;
        for (Buffer trained : graph.trainedGradients()) squares += device.sumOfSquares(trained, trained.elements());
        return Math.sqrt(squares);
    }

    /**
     * Updates every parameter that is trained from its gradient; those and the moments of others stay as they are.
     *
     * @param rate learning rate of this step
     * @param scale factor on the gradients: that of clipping
     * @param step from 1
     */
    public void update(double rate, double scale, long step) {
        for (TrainedModel.Group g : graph.groups()) {
            device.adamW(
                    graph.parameters().slice(g.offset(), g.length()),
                    graph.gradients().slice(g.offset(), g.length()),
                    first.slice(g.offset(), g.length()),
                    second.slice(g.offset(), g.length()),
                    g.length(),
                    rate,
                    beta1,
                    beta2,
                    epsilon,
                    g.decay() ? decay : 0,
                    scale,
                    step);
        }
    }

    /** First moments, as long as the parameters. */
    public Buffer first() {
        return first;
    }

    /** Second moments, as long as the parameters. */
    public Buffer second() {
        return second;
    }

    @Override
    public void close() {
        device.free(first);
        device.free(second);
    }
}
