import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const EXT4_IOC_SHUTDOWN = 0x80_04_58_7d;
/** Ends the file system where it stands: neither the journal nor the cache reach the disk. */
const NO_LOG_FLUSH = 2;

/** A file system of its own for one test. It must be disposed of, whatever happens. */
export class MountedDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #root: string;
  readonly #image: string | null;
  #mounted = false;
  readonly #onExit = (): void => this.dispose();

  private constructor(root: string, image: string | null) {
    this.#root = root;
    this.#image = image;
    this.path = join(root, 'disk');
    process.on('exit', this.#onExit);
  }

  /** A disk in memory that is full after so many bytes. */
  static inMemory(bytes: number): MountedDisk {
    const disk = new MountedDisk(mkdtempSync(join(tmpdir(), 'lithair-disk-')), null);
    run('mkdir', disk.path);
    return disk.#try(() => {
      run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk.path);
      disk.#mounted = true;
    });
  }

  /** An ext4 file system on a loop device. */
  static ext4(bytes: number): MountedDisk {
    const root = mkdtempSync(join(tmpdir(), 'lithair-disk-'));
    const image = join(root, 'image');
    const disk = new MountedDisk(root, image);
    run('mkdir', disk.path);
    return disk.#try(() => {
      writeFileSync(image, '');
      truncateSync(image, bytes);
      run('mkfs.ext4', '-q', '-F', image);
      disk.mount();
    });
  }

  #try(make: () => void): this {
    try {
      make();
      return this;
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Mounts the image, again after {@link unmount}: the journal is replayed. */
  mount(): void {
    if (this.#image === null) throw new Error('a disk in memory cannot be mounted again');
    run('mount', '-o', 'loop', this.#image, this.path);
    this.#mounted = true;
  }

  unmount(): void {
    run('umount', this.path);
    this.#mounted = false;
  }

  /** Cuts the power: what was not synced is lost, and every later operation fails. */
  shutDown(): void {
    const script = `open(my $d, "<", $ARGV[0]) or die "open: $!"; my $f = pack("I", ${NO_LOG_FLUSH});
      ioctl($d, ${EXT4_IOC_SHUTDOWN}, $f) or die "ioctl: $!";`;
    run('perl', '-e', script, this.path);
  }

  dispose(): void {
    process.off('exit', this.#onExit);
    if (this.#mounted) run('umount', '-l', this.path);
    this.#mounted = false;
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Why this machine cannot run a test on such a disk; null where it can. */
export function whyNoDisk(make: () => MountedDisk): string | null {
  try {
    make().dispose();
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `no disk of its own can be mounted here: ${reason.trim().replaceAll(/\s*\n\s*/g, ' ')}`;
  }
}

function run(command: string, ...words: string[]): void {
  execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] });
}
