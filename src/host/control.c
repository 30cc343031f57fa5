// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/kvm_sdei, the administrator's file: the VMs that opted in, what happened
 * in them, who listens to which event, and a way to raise one.
 *
 * Invariants:
 *
 * - A VM is in the list from vm_create to vm_destroy. The mutex protects the
 *   list, so the struct kvm of each VM in it exists while one holds the mutex.
 * - A VM may be in the list before KVM_CREATE_VM has completed, and that may
 *   still fail. Nobody may take a reference to such a VM, so one is taken only if
 *   the VM has a vCPU. It is taken under the mutex, and it can't be taken any
 *   more when KVM has begun to destroy the VM.
 * - Who has a reference works without the mutex. KVM destroys neither the VM nor
 *   its vCPUs meanwhile, so the VM also stays in the list. To give the reference
 *   back may destroy the VM, and vm_destroy takes the mutex: so nobody does this
 *   under the mutex. The VM's entry must not be used after that.
 * - seq_file begins and ends each iteration within one read(), and copies to user
 *   space after that. So nobody who holds the file open has a reference.
 * - The position in the file is the number of a VM. The numbers rise along the
 *   list and none is used twice. So a reader misses no VM and gets none twice,
 *   whichever VMs come and go between two of its reads.
 * - file_operations name the module, so it stays loaded while the file is open.
 */

#include <linux/kvm_host.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "control.h"

/**
 * struct sdei_vm - a VM that opted in
 * @list:	entry in the list of all
 * @kvm:	the VM
 * @data:	what the module keeps for it
 * @number:	its number, which no other VM has had since the module was loaded
 * @pid:	the process that made it
 */
struct sdei_vm {
	struct list_head list;
	struct kvm *kvm;
	void *data;
	u64 number;
	pid_t pid;
};

static LIST_HEAD(vms);
static u64 last_number;
/* Protects both. KVM takes it inside the lock of the registration of services. */
static DEFINE_MUTEX(vms_lock);

void *sdei_control_vm_create(struct kvm *kvm, void *vm_data)
{
	struct sdei_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return NULL;

	vm->kvm = kvm;
	vm->data = vm_data;
	/*
	 * Not kvm->userspace_pid, which is a thread's if that made the VM. No
	 * other process than the one that made the VM can opt in.
	 */
	vm->pid = task_tgid_nr(current);

	guard(mutex)(&vms_lock);
	vm->number = ++last_number;
	list_add_tail(&vm->list, &vms);
	return vm;
}

void sdei_control_vm_destroy(void *entry)
{
	struct sdei_vm *vm = entry;

	scoped_guard(mutex, &vms_lock)
		list_del(&vm->list);
	kfree(vm);
}

static bool vm_get(struct sdei_vm *vm)
{
	lockdep_assert_held(&vms_lock);
	return atomic_read(&vm->kvm->online_vcpus) && kvm_get_kvm_safe(vm->kvm);
}

static void vm_put(struct sdei_vm *vm)
{
	kvm_put_kvm(vm->kvm);
}

/* Returns the first VM from number *@pos on, with a reference, or NULL. */
static struct sdei_vm *vm_get_from(loff_t *pos)
{
	struct sdei_vm *vm;

	guard(mutex)(&vms_lock);
	list_for_each_entry(vm, &vms, list) {
		if (vm->number >= *pos && vm_get(vm)) {
			*pos = vm->number;
			return vm;
		}
	}
	return NULL;
}

/* Returns this VM, with a reference, or NULL. */
static struct sdei_vm *vm_get_named(pid_t pid, u64 number)
{
	struct sdei_vm *vm;

	guard(mutex)(&vms_lock);
	list_for_each_entry(vm, &vms, list)
		if (vm->number == number && vm->pid == pid && vm_get(vm))
			return vm;
	return NULL;
}

static void *control_start(struct seq_file *seq, loff_t *pos)
{
	return vm_get_from(pos);
}

static void *control_next(struct seq_file *seq, void *v, loff_t *pos)
{
	vm_put(v);
	++*pos;
	return vm_get_from(pos);
}

static void control_stop(struct seq_file *seq, void *v)
{
	if (v)
		vm_put(v);
}

static int control_show(struct seq_file *seq, void *v)
{
	struct sdei_counts counts = {};
	struct sdei_vm *vm = v;

	sdei_count(vm->data, &counts);
	seq_printf(seq, "VM %d-%llu calls %llu deliveries %llu injections %llu\n",
		   vm->pid, vm->number, counts.calls, counts.deliveries,
		   counts.injections);
	sdei_show_events(vm->data, seq);
	return 0;
}

static const struct seq_operations control_seq_ops = {
	.start = control_start,
	.next = control_next,
	.stop = control_stop,
	.show = control_show,
};

static int control_open(struct inode *inode, struct file *file)
{
	/* This points to the device, and seq_file wants it for itself. */
	file->private_data = NULL;
	return seq_open(file, &control_seq_ops);
}

/* Takes the first word off *@text. Returns NULL if there is none. */
static char *take_word(char **text)
{
	char *word;

	do {
		word = strsep(text, " ");
	} while (word && !*word);
	return word;
}

/* "PID-NUMBER EVENT" or "PID-NUMBER VCPU EVENT", each a number as in C. */
static ssize_t control_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *ppos)
{
	char text[128], *rest, *pid, *number, *vcpu, *event;
	u64 number_val, event_val;
	s64 id = SDEI_ANY_VCPU;
	struct sdei_vm *vm;
	u32 vcpu_val;
	int pid_val;
	int ret;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	if (strlen(text) != len)
		return -EINVAL;

	rest = strim(text);
	/* One command only: kstrtou64() allows a newline after a number. */
	if (strchr(rest, '\n'))
		return -EINVAL;
	number = take_word(&rest);
	pid = strsep(&number, "-");
	vcpu = take_word(&rest);
	event = take_word(&rest);
	if (!event)
		swap(vcpu, event);
	if (!number || !event || take_word(&rest))
		return -EINVAL;

	ret = kstrtoint(pid, 0, &pid_val) ?:
	      kstrtou64(number, 0, &number_val) ?:
	      kstrtou64(event, 0, &event_val);
	if (!ret && vcpu) {
		ret = kstrtou32(vcpu, 0, &vcpu_val);
		id = vcpu_val;
	}
	if (ret)
		return ret;

	vm = vm_get_named(pid_val, number_val);
	if (!vm)
		return -ESRCH;
	ret = sdei_inject(vm->data, id, event_val);
	vm_put(vm);
	return ret ?: len;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.read = seq_read,
	.write = control_write,
	.llseek = seq_lseek,
	.release = seq_release,
};

static struct miscdevice control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "kvm_sdei",
	.fops = &control_fops,
	.mode = 0600,
};

int sdei_control_register(void)
{
	return misc_register(&control);
}

void sdei_control_unregister(void)
{
	misc_deregister(&control);
}
