"""The measure itself: what is counted as alive in PyTorch."""

from tape.live import Allocation, Live, pinned, torch

pytestmark = pinned


def test_what_an_operation_allocates_is_logged():
    x = torch.rand(4)
    with Live([x]) as live:
        y = x * 2
        z = torch.add(x, y)
        del y
        assert live.bytes == 16
        del z
        assert live.bytes == 0
    assert live.log == [Allocation(16, 16, "mul"), Allocation(32, 16, "add")]


def test_what_is_given_is_not_counted():
    x = torch.rand(2, 3)
    with Live([x]) as live:
        x.view(6)
        x.add_(1)
        assert live.is_given(x.t())
        assert not live.is_given(x.clone())
    assert [each.op for each in live.log] == ["clone"]


def test_a_view_holds_the_whole_storage():
    with Live() as live:
        whole = torch.zeros(100)
        part = whole[:1]
        del whole
        assert live.bytes == 400
        del part
        assert live.bytes == 0
    assert len(live.log) == 1


def test_operations_with_several_outcomes_are_one_entry():
    x = torch.rand(2, 4)
    with Live([x]) as live:
        torch.topk(x, 2)
    assert live.log == [Allocation(48, 48, "topk")]


def test_backward_is_measured_as_well():
    x = torch.rand(4, requires_grad=True)
    with Live([x]) as live:
        loss = x.exp().sum()
        assert live.bytes == 20  # what exp has saved, and the loss
        loss.backward()
        del loss
        assert live.bytes == 16
    assert [each.op for each in live.log] == ["exp", "sum", "ones_like", "mul"]


def test_a_storage_at_the_address_of_another_is_a_new_one():
    with Live() as live:
        for _ in range(20):
            torch.zeros(8)
    assert live.log == [Allocation(32, 32, "zeros")] * 20
