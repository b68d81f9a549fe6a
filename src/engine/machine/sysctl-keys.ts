/** Kernel settings outside of `net.*` with their values on a Debian 12 host. */
export const kernelRelease = '6.1.0-29-amd64'
export const kernelVersion = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.123-1 (2025-01-02)'

export const hostSysctls: Readonly<Record<string, string>> = {
  'fs.file-max': '9223372036854775807', 'fs.file-nr': '1664\t0\t9223372036854775807', 'fs.inotify.max_queued_events': '16384', 'fs.inotify.max_user_instances': '128',
  'fs.inotify.max_user_watches': '65536', 'fs.nr_open': '1048576', 'fs.protected_hardlinks': '1', 'fs.protected_symlinks': '1', 'kernel.core_pattern': 'core',
  'kernel.keys.root_maxbytes': '25000000', 'kernel.keys.root_maxkeys': '1000000', 'kernel.msgmax': '8192', 'kernel.osrelease': kernelRelease, 'kernel.ostype': 'Linux', 'kernel.panic': '0',
  'kernel.panic_on_oops': '0', 'kernel.pid_max': '4194304', 'kernel.printk': '4\t4\t1\t7', 'kernel.sem': '32000\t1024000000\t500\t32000', 'kernel.shmall': '18446744073692774399',
  'kernel.shmmax': '18446744073692774399', 'kernel.shmmni': '4096', 'kernel.sysrq': '438', 'kernel.threads-max': '31494', 'kernel.version': kernelVersion, 'vm.max_map_count': '65530',
  'vm.min_free_kbytes': '67584', 'vm.overcommit_memory': '0', 'vm.overcommit_ratio': '50', 'vm.panic_on_oom': '0', 'vm.swappiness': '60', 'vm.vfs_cache_pressure': '100',
}
