package dev.outrider.decode.device.cuda;

import dev.outrider.checkpoints.Failure;

/** Work that was captured once and is launched as a whole, until closed or the context is. */
public final class CudaGraph implements AutoCloseable {
    private final CudaContext context;
    private final long executable;
    private final Runnable release = this::release;

    private CudaGraph(CudaContext context, long executable) {
        this.context = context;
        this.executable = executable;
        context.remember(release);
    }

    /** Takes the captured graph over. */
    static CudaGraph of(CudaContext context, long graph) {
        DriverApi api = context.api;
        try {
            api.instantiate.run(context.result().address(), graph, 0);
        } catch (Failure e) {
            api.destroyGraph.status(graph);
            throw e;
        }
        CudaGraph made = new CudaGraph(context, context.first());
        api.destroyGraph.run(graph);
        return made;
    }

    /** Runs all of it when its turn on the stream comes. Can itself not be captured. */
    public void launch() {
        synchronized (context) {
            context.outsideCapture("a graph");
            context.api.launchGraph.run(executable, context.stream());
        }
    }

    private void release() {
        context.api.destroyExecutable.run(executable);
    }

    @Override
    public void close() {
        context.release(release);
    }
}
