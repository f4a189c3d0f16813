import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import sun.misc.Signal;

/** JVM: its own signals beside the library in a JNI library. */
public class Host {
    static native int watch(int signal);
    static native int heard(int milliseconds);
    static native int unwatch(int unused);
    static native int section(int signal);
    static native int install(int signal);
    static native int counted(int unused);
    static native int restore(int unused);
    static native int on_stack(int signal);
    static native int send(int signal);

    static final Semaphore java = new Semaphore(0);
    static final Signal HUP = new Signal("HUP"), TERM = new Signal("TERM");

    static void check(boolean holds, String what) {
        if (!holds) {
            System.err.println("failed: " + what);
            Runtime.getRuntime().halt(1);
        }
    }

    static void javaHears() throws InterruptedException {
        check(java.tryAcquire(30, TimeUnit.SECONDS), "Java hears");
    }

    static void bothHear() throws InterruptedException {
        check(heard(30000) == HUP.getNumber(), "the pipe hears");
        javaHears();
    }

    static int length(String text) {
        return text.length();
    }

    /** Compiled code finds null by a SIGSEGV. */
    static void findNull() {
        int found = 0;
        for (int i = 0; i < 200_000; i++) {
            try {
                length(i % 1000 == 999 ? null : "text");
            } catch (NullPointerException e) {
                found++;
            }
        }
        check(found == 200, "NullPointerException");
    }

    public static void main(String[] arguments) throws Exception {
        System.load(arguments[0]);
        int hup = HUP.getNumber();
        Signal.handle(HUP, signal -> java.release());
        Signal.raise(HUP);
        javaHears();

        int stack = on_stack(hup);
        check(watch(hup) == 0, "watch");
        check(on_stack(hup) == stack, "the stack that the JVM has chosen");
        for (int i = 0; i < 20; i++) {
            Signal.raise(HUP);
            bothHear();
            Thread thread = new Thread(() -> send(hup));
            thread.start();
            thread.join();
            bothHear();
            findNull();
        }
        check(section(hup) == 0, "section");
        javaHears();
        check(unwatch(0) == 0, "unwatch");
        Signal.raise(HUP);
        javaHears();

        // A handler of the library's own, and back.
        check(install(hup) == 0, "install");
        check(send(hup) == 0 && counted(0) == 1, "counted");
        check(restore(0) == 1, "restore");
        check(java.availablePermits() == 0, "Java has not heard it");
        Signal.raise(HUP);
        javaHears();
        findNull();

        // Under a pipe SIGTERM ends the JVM by its shutdown hooks.
        check(watch(TERM.getNumber()) == 0, "watch SIGTERM");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            check(heard(30000) == TERM.getNumber(), "the pipe hears SIGTERM");
            System.out.println("hook");
            System.out.flush();
        }));
        Signal.raise(TERM);
        Thread.sleep(30000);
        check(false, "SIGTERM ends it");
    }
}
