// node: process.on beside the library in an addon.

const assert = require('node:assert');
const { once } = require('node:events');
const { constants } = require('node:os');
const { Worker, isMainThread, workerData } = require('node:worker_threads');
const host = require(process.argv[2] ?? workerData);

const { SIGTERM, SIGUSR2 } = constants.signals;
const send = () => process.kill(process.pid, 'SIGTERM');

// Node must hear what `how` sends, and the pipe too if there is one.
async function heard(how, pipe) {
    const node = once(process, 'SIGTERM', { signal: AbortSignal.timeout(30000) });
    await how();
    if (pipe) assert.equal(host.heard(30000), SIGTERM);
    await node;
}

async function main() {
    process.on('SIGTERM', () => {});
    await heard(send, false);

    const stack = host.on_stack(SIGTERM);
    assert.equal(host.watch(SIGTERM), 0);
    assert.equal(host.on_stack(SIGTERM), stack);
    for (let i = 0; i < 20; i++) await heard(send, true);
    for (let i = 0; i < 3; i++) {
        const worker = () => new Worker(__filename, { workerData: process.argv[2] });
        await heard(() => once(worker(), 'exit'), true);
    }
    const node = once(process, 'SIGTERM', { signal: AbortSignal.timeout(30000) });
    assert.equal(host.section(SIGTERM), 0);
    await node;
    assert.equal(host.unwatch(), 0);
    await heard(send, false);

    // A handler of the addon's own, and back.
    assert.equal(host.install(SIGTERM), 0);
    assert.equal(host.send(SIGTERM), 0);
    assert.equal(host.counted(), 1);
    assert.equal(host.restore(), 1);
    await heard(send, false);

    // The last listener of node leaves the default, not what it has found: a pipe under it is gone.
    assert.equal(host.watch(SIGUSR2), 0);
    assert.equal(host.on_stack(SIGUSR2), 1);
    const listener = () => {};
    process.on('SIGUSR2', listener);
    process.off('SIGUSR2', listener);
    assert.equal(host.on_stack(SIGUSR2), 0);
    assert.equal(host.unwatch(), 0);
    process.exit(0);
}

if (isMainThread) main();
else host.send(SIGTERM);
