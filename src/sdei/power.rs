// SPDX-License-Identifier: GPL-2.0

//! Reset, power-down and suspend (DEN0054 6.5).

use super::cpu::Cpu;
use super::outside::Vcpu;
use super::pe::Pe;

/// What a CPU powers down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerDown {
    /// Itself: PSCI CPU_OFF.
    Cpu,
    /// Itself, to be woken by an interrupt: PSCI CPU_SUSPEND that asks for a
    /// power-down. The host makes a standby of it.
    CpuSuspend,
    /// The system: PSCI SYSTEM_OFF, SYSTEM_OFF2, SYSTEM_RESET and
    /// SYSTEM_RESET2.
    System,
    /// The system, to be resumed: PSCI SYSTEM_SUSPEND.
    Suspend,
}

impl<V: Vcpu> Cpu<'_, V> {
    /// The CPU was reset, by KVM_ARM_VCPU_INIT or PSCI CPU_ON: it returns to the
    /// state after power-up, and pending triggers are dropped. If the reset
    /// resumes the CPU from a suspend, the CPU keeps its registrations and
    /// pending triggers, and is masked (DEN0054 6.5.2).
    pub fn reset(&mut self) {
        if self.pe.is_suspended() {
            self.resume();
        } else {
            self.end_handlers();
            let was_cold = self.pe.is_cold();
            *self.pe = Pe::new();
            self.publish();
            self.vcpu.port().clear_all();
            if !was_cold {
                self.with_bank(|bank, port| bank.sleep(port));
            }
        }
        self.leave_shared();
        // The host has to call `run` before the CPU runs again.
        self.vcpu.kick();
    }

    /// The CPU makes a PSCI call that powers down the CPU or the system. This
    /// ends the handlers that run (DEN0054 6.5.4); what they interrupted is not
    /// resumed.
    pub fn power_down(&mut self, how: PowerDown) {
        match how {
            // A CPU that is off takes no events, and a reset turns it on.
            PowerDown::Cpu => {
                self.pe.set_suspended(false);
                self.reset();
            }
            // The guest goes on after the call. It expects its CPU to be masked
            // then, as after the power-down that it asked for (DEN0054
            // 6.5.2.2.2).
            PowerDown::CpuSuspend => {
                self.set_masked(true);
                self.leave_shared();
            }
            PowerDown::System | PowerDown::Suspend => {
                self.end_handlers();
                self.pe.set_suspended(how == PowerDown::Suspend);
                self.publish();
                // User space may let the CPU go on without a reset. The host
                // has to call `run` then: events may have become deliverable.
                self.vcpu.kick();
            }
        }
    }

    /// The CPU is about to run for the first time since it was reset or
    /// suspended the system.
    #[inline]
    pub(super) fn wake(&mut self) {
        if self.pe.is_suspended() {
            self.resume();
        }
        if self.pe.is_cold() {
            self.pe.set_warm();
            self.with_bank(|bank, _| bank.wake());
        }
    }

    /// The CPU comes back from a suspend: masked, and in no handler (DEN0054
    /// 6.5.2).
    fn resume(&mut self) {
        self.pe.set_suspended(false);
        self.pe.set_masked(true);
        self.end_handlers();
        self.publish();
    }
}
