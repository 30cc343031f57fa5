// SPDX-License-Identifier: GPL-2.0
/*
 * How long it takes to deliver an event to a vCPU that runs with interrupts
 * masked, and an interrupt to a vCPU that has them enabled: from before the
 * sender acts to the first instruction of the handler.
 *
 * Sender and receiver have a CPU each. An emulator that runs one CPU after the
 * other runs the sender until it waits, and then the receiver, so the figure is
 * the sum of both. On hardware the two overlap.
 */
#include <linux/sizes.h>
#include "bench.h"
#include "gic.h"
#include "vgic.h"

#define SGI	1
#define SPI	40
#define EVENT	KVM_SDEI_EVENT_NORMAL(0)
#define SHARED_EVENT	KVM_SDEI_EVENT_SHARED_NORMAL(0)
#define MAX_VCPUS	16

enum { SENDER_CPU, RECEIVER_CPU };

static struct receiver receiver;

struct kvm_vm *bench_gic_vm(struct kvm_vcpu *vcpus[], int nr, bool opt_in)
{
	struct kvm_vm *vm = __sdei_vm_create(vcpus, nr, opt_in);
	int fd = vgic_v3_setup(vm, nr, 64);

	/* Newer libraries have already created one. */
	TEST_ASSERT(fd >= 0 || errno == EEXIST, "There is no GICv3");
	if (fd >= 0)
		close(fd);
	return vm;
}

static void guest_receive(void)
{
	WRITE_ONCE(receiver.ready, true);
	bench_idle(&receiver);
	GUEST_DONE();
}

static void guest_receive_irq(u64 intid)
{
	gic_init(GIC_V3, 2);
	if (INTID_IS_SPI(intid))
		gic_irq_set_config(intid, true);
	gic_irq_enable(intid);
	write_sysreg((u64)bench_vectors, vbar_el1);
	isb();
	local_irq_enable();
	guest_receive();
}

static void guest_receive_event(u64 event)
{
	guest_enable_raw(event, bench_stamp, (u64)&receiver.stamp);
	guest_receive();
}

/*
 * For a sender, in a guest or in the VMM: waits until the handler is entered,
 * and then until the receiver has left it. Returns the time of the entry, or 0.
 */
static u64 wait_for_stamp(struct receiver *r)
{
	u64 now, stamp, limit = bench_ticks() + read_sysreg(cntfrq_el0);

	do {
		cpu_relax();
		now = bench_ticks();
		stamp = READ_ONCE(r->stamp);
	} while (!stamp && now < limit);

	limit = now + read_sysreg(cntfrq_el0) / 20000;
	while (bench_ticks() < limit)
		cpu_relax();
	return stamp;
}

static u64 guest_send(void (*send)(u64 to), u64 to)
{
	struct samples samples = {};
	u64 start, stamp;
	int i;

	GUEST_WAIT(READ_ONCE(receiver.ready));
	for (i = 0; i < BATCHES; i++) {
		WRITE_ONCE(receiver.stamp, 0);
		start = bench_ticks();
		send(to);
		stamp = wait_for_stamp(&receiver);
		GUEST_ASSERT(stamp);
		bench_sample(&samples, stamp - start);
	}
	WRITE_ONCE(receiver.stop, true);
	return bench_median(&samples);
}

static void send_sgi(u64 to)
{
	/* The receiver is vCPU 0, with affinity 0. */
	write_sysreg_s((u64)SGI << 24 | 1, SYS_ICC_SGI1R_EL1);
	isb();
}

static void send_signal(u64 to)
{
	bench_call_loop(SDEI_1_0_FN_SDEI_EVENT_SIGNAL, 0, to, 1);
}

static void guest_send_sgi(u64 to)
{
	gic_init(GIC_V3, 2);
	GUEST_ROW("SGI, interrupts enabled", guest_send(send_sgi, to));
	GUEST_DONE();
}

static void guest_send_signal(u64 to)
{
	GUEST_ROW("SIGNAL, interrupts masked", guest_send(send_signal, to));
	GUEST_DONE();
}

static void between_vcpus(void *send, void *receive, u64 what)
{
	static const char section[] = "From one vCPU to the handler in another";
	struct bench_thread sender, target;
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm = bench_gic_vm(vcpus, 2, true);

	vcpu_arch_set_entry_point(vcpus[0], receive);
	vcpu_args_set(vcpus[0], 1, what);
	vcpu_arch_set_entry_point(vcpus[1], send);
	vcpu_args_set(vcpus[1], 1, sdei_mpidr(vcpus[0]));

	bench_thread_start(&target, section, vcpus[0], RECEIVER_CPU);
	bench_thread_start(&sender, section, vcpus[1], SENDER_CPU);
	pthread_join(sender.pthread, NULL);
	pthread_join(target.pthread, NULL);
	kvm_vm_free(vm);
}

static void inject_irq(struct kvm_vcpu *vcpu)
{
	kvm_arm_irq_line(vcpu->vm, SPI, 1);
}

static void inject_event(struct kvm_vcpu *vcpu)
{
	u64 event = EVENT;

	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_SDEI_CTRL,
			     KVM_ARM_VCPU_SDEI_RAISE, &event);
}

static void inject_shared_event(struct kvm_vcpu *vcpu)
{
	u64 event = SHARED_EVENT;

	kvm_device_attr_set(vcpu->vm->fd, KVM_ARM_VM_SDEI_CTRL,
			    KVM_ARM_VM_SDEI_RAISE, &event);
}

/*
 * The VM has @nr vCPUs, of which only the last one has ever run. All others are
 * masked, as they are since they were created.
 */
static void from_vmm(const char *section, const char *name, int nr,
		     void (*inject)(struct kvm_vcpu *vcpu), void *receive,
		     u64 what)
{
	/* Makes the guest's counter the same as the host's. */
	struct kvm_arm_counter_offset offset = {};
	struct kvm_vcpu *vcpus[MAX_VCPUS], *vcpu;
	struct bench_thread target;
	struct kvm_vm *vm = bench_gic_vm(vcpus, nr, true);
	struct receiver *r = addr_gva2hva(vm, (unsigned long)&receiver);
	struct samples samples = {};
	u64 start, stamp;
	int i;

	vcpu = vcpus[nr - 1];
	vm_ioctl(vm, KVM_ARM_SET_COUNTER_OFFSET, &offset);
	vcpu_arch_set_entry_point(vcpu, receive);
	vcpu_args_set(vcpu, 1, what);

	bench_pin(SENDER_CPU);
	bench_thread_start(&target, section, vcpu, RECEIVER_CPU);
	sdei_wait(READ_ONCE(r->ready));
	for (i = 0; i < BATCHES; i++) {
		WRITE_ONCE(r->stamp, 0);
		start = bench_ticks();
		inject(vcpu);
		stamp = wait_for_stamp(r);
		TEST_ASSERT(stamp, "%s: the handler was not entered", name);
		bench_sample(&samples, stamp - start);
		if (inject == inject_irq)
			kvm_arm_irq_line(vm, SPI, 0);
	}
	bench_row(section, name, bench_median(&samples));
	WRITE_ONCE(r->stop, true);
	pthread_join(target.pthread, NULL);
	kvm_vm_free(vm);
}

void bench_latency(const char *host)
{
	static const char vmm[] = "From the VMM to the handler in a vCPU";
	static const char any[] =
		"The same for RM_ANY, all vCPUs but the last one masked";
	char name[32];
	int nr;

	between_vcpus(guest_send_sgi, guest_receive_irq, SGI);
	between_vcpus(guest_send_signal, guest_receive_event, 0);
	from_vmm(vmm, "KVM_IRQ_LINE, interrupts enabled", 1, inject_irq,
		 guest_receive_irq, SPI);
	from_vmm(vmm, "KVM_ARM_VCPU_SDEI_RAISE, interrupts masked", 1,
		 inject_event, guest_receive_event, EVENT);
	from_vmm(vmm, "KVM_ARM_VM_SDEI_RAISE, interrupts masked", 1,
		 inject_shared_event, guest_receive_event, SHARED_EVENT);

	for (nr = 1; nr <= MAX_VCPUS; nr *= 2) {
		snprintf(name, sizeof(name), "%d vCPU%s", nr,
			 nr > 1 ? "s" : "");
		from_vmm(any, name, nr, inject_shared_event,
			 guest_receive_event, SHARED_EVENT);
	}
}
