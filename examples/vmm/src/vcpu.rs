// SPDX-License-Identifier: GPL-2.0

//! A thread for each vCPU, the console to which the guest writes, and a gate at
//! which all threads wait while the VM is saved.

use crate::vm::UART;
use crate::Result;
use kvm_bindings::{KVM_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_SHUTDOWN};
use kvm_ioctls::{VcpuExit, VcpuFd};
use libc::{c_int, c_void, siginfo_t, EINTR};
use std::io::{stdout, Write};
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use vmm_sys_util::signal::{register_signal_handler, Killable, SIGRTMIN};

#[derive(Default)]
struct State {
    closed: bool,
    waiting: usize,
}

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, but not for long.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let limit = Duration::from_millis(10);
        let woken = self.changed.wait_timeout(state, limit);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// A vCPU's thread passes this on its way back to the guest.
    fn pass(&self, vcpu: &mut VcpuFd) {
        if !self.lock().closed {
            return;
        }
        // KVM has to finish the last exit: it writes the result to the guest's
        // registers when the vCPU is run again.
        vcpu.set_kvm_immediate_exit(1);
        let _ = vcpu.run();
        vcpu.set_kvm_immediate_exit(0);

        let mut state = self.lock();
        state.waiting += 1;
        self.changed.notify_all();
        while state.closed {
            state = self.wait(state);
        }
        state.waiting -= 1;
    }
}

/// The threads of a VM's vCPUs.
pub struct Threads {
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    pub fn start(vcpus: Vec<VcpuFd>) -> Result<Self> {
        // The handler does nothing: the signal only has to interrupt KVM_RUN.
        extern "C" fn kicked(_: c_int, _: *mut siginfo_t, _: *mut c_void) {}
        register_signal_handler(SIGRTMIN(), kicked)?;

        let gate = Arc::<Gate>::default();
        let threads = vcpus
            .into_iter()
            .map(|mut vcpu| {
                let gate = gate.clone();
                thread::spawn(move || run(&mut vcpu, &gate))
            })
            .collect();
        Ok(Threads { gate, threads })
    }

    /// Calls `what` while no vCPU runs.
    pub fn paused<T>(&self, what: impl FnOnce() -> T) -> T {
        let mut state = self.gate.lock();
        state.closed = true;
        while state.waiting < self.threads.len() {
            // Repeat this, because a thread that is about to enter the guest
            // misses the signal.
            for thread in &self.threads {
                let _ = thread.kill(SIGRTMIN());
            }
            state = self.gate.wait(state);
        }
        drop(state);
        let result = what();
        self.gate.lock().closed = false;
        self.gate.changed.notify_all();
        result
    }

    /// Waits for the end of the VM, which ends the process.
    pub fn join(self) {
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Registers of the UART. It is an SBSA Generic UART that only sends.
const UART_DR: u64 = UART;
const UART_FR: u64 = UART + 0x18;
/// Nothing was received, and nothing remains to be sent.
const UART_FR_IDLE: u8 = (1 << 4) | (1 << 7);

fn run(vcpu: &mut VcpuFd, gate: &Gate) {
    loop {
        gate.pass(vcpu);
        match vcpu.run() {
            Ok(VcpuExit::MmioWrite(UART_DR, data)) => {
                let _ = stdout().write_all(&data[..1]);
            }
            Ok(VcpuExit::MmioWrite(..)) => {}
            Ok(VcpuExit::MmioRead(address, data)) => {
                data.fill(0);
                if address == UART_FR {
                    data[0] = UART_FR_IDLE;
                }
            }
            Ok(VcpuExit::SystemEvent(KVM_SYSTEM_EVENT_SHUTDOWN | KVM_SYSTEM_EVENT_RESET, _)) => {
                eprintln!("vmm: the guest is done");
                exit(0);
            }
            Ok(VcpuExit::Intr) => {}
            Err(error) if error.errno() == EINTR => {}
            other => {
                eprintln!("vmm: a vCPU can't go on: {other:?}");
                exit(1);
            }
        }
    }
}
