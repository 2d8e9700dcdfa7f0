package dev.outrider.decode.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outrider.decode.device.cuda.PtxEntries.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** That the driver of the tests notices what a correct program does not do; else tests on it would show little. */
class FakeDriverTest {
    private final FakeDriver fake = new FakeDriver();
    private final DriverApi api = new DriverApi(fake.symbols());
    private final MemorySegment out = Arena.ofAuto().allocate(16, 8);

    private long made(int status) {
        assertThat(status).isZero();
        return FakeLibrary.longAt(out.address());
    }

    private void enter() {
        api.init.run(0);
        api.setCurrent.run(made(api.retain.status(out.address(), 0)));
    }

    private void refused(int status, String complaint) {
        assertThat(status).isNotZero();
        assertThat(fake.complaints).singleElement().asString().contains(complaint);
        fake.complaints.clear();
    }

    @Test
    void withoutAContext() {
        refused(api.deviceCount.status(out.address()), "before cuInit");
        refused(api.allocate.status(out.address(), 16), "without a context");
        refused(api.createStream.status(out.address(), 1), "without a context");
        refused(api.setCurrent.status(0x100), "context 256 made current");
        enter();
        assertThat(api.allocate.status(out.address(), 16)).isZero();
        assertThat(fake.leaks()).isEqualTo("1 device blocks, 1 contexts");
    }

    @Test
    void memory() {
        enter();
        long stream = made(api.createStream.status(out.address(), 1));
        long device = made(api.allocate.status(out.address(), 16)),
                pinned = made(api.allocateHost.status(out.address(), 16, 0));
        refused(api.toDevice.status(device + 1, pinned, 16, stream), "copy to");
        refused(api.toDevice.status(device, pinned + 1, 16, stream), "beyond pinned");
        refused(api.toHost.status(pinned, device - 1, 4, stream), "copy from");
        refused(api.withinDevice.status(device, device + 9, 8, stream), "copy from");
        refused(api.fill.status(device, 0, 17, stream), "memset");
        refused(api.fill.status(device, 0, 16, stream + 1), "stream");
        refused(api.allocate.status(out.address(), 0), "cuMemAlloc of 0");
        assertThat(api.free.status(device)).isZero();
        refused(api.free.status(device), "free of");
        refused(api.freeHost.status(device), "host free of");
        fake.bytes = 100;
        assertThat(api.allocate.status(out.address(), 101)).isEqualTo(FakeCards.OUT_OF_MEMORY);
    }

    @Test
    void workIsDoneWhenItIsWaitedFor() {
        enter();
        long stream = made(api.createStream.status(out.address(), 1));
        long device = made(api.allocate.status(out.address(), 4)),
                pinned = made(api.allocateHost.status(out.address(), 4, 0));
        api.fill.run(device, 5, 4, stream);
        api.toHost.run(pinned, device, 4, stream);
        assertThat(FakeLibrary.intAt(pinned)).isEqualTo(-1);
        api.synchronizeStream.run(stream);
        assertThat(FakeLibrary.intAt(pinned)).isEqualTo(0x05050505);
    }

    @Test
    void handlesThatAreNoMore() {
        enter();
        long stream = made(api.createStream.status(out.address(), 1)),
                event = made(api.createEvent.status(out.address(), 0));
        refused(api.elapsed.status(out.address(), event, event), "not recorded");
        assertThat(api.destroyEvent.status(event)).isZero();
        refused(api.destroyEvent.status(event), "destroy of event");
        refused(api.recordEvent.status(event, stream), "record of event");
        refused(api.endCapture.status(stream, out.address()), "end of no capture");
        assertThat(api.destroyStream.status(stream)).isZero();
        refused(api.destroyStream.status(stream), "destroy of stream");
        refused(api.synchronizeStream.status(stream), "synchronize of stream");
        refused(api.unloadModule.status(1), "unload of module");
        refused(api.launchGraph.status(1, 1), "launch of graph");
        refused(api.destroyGraph.status(1), "destroy of graph");
        refused(api.release.status(0) + api.release.status(0), "released too often");
    }

    @Test
    void parametersOfPtx() {
        assertThat(PtxEntries.of("""
                        .visible .entry a(
                        	.param .u8 a_param_0,
                        	.param .align 16 .b8 a_param_1[20],
                        	.param .f64 a_param_2
                        )
                        .weak .entry b()
                        .entry c {
                        """))
                .containsEntry("a", java.util.List.of(new Parameter(0, 1), new Parameter(16, 20), new Parameter(40, 8)))
                .containsEntry("b", java.util.List.of())
                .containsEntry("c", java.util.List.of());
    }
}
