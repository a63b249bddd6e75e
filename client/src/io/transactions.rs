//! The task that asks coordinators what a producer of transactions wants of them.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use milena_engine::{
    time::Instant,
    transaction::{Answer, Duty, Outbound, Question},
};

use tracing::info;

use super::{connector::BoxFuture, lane::RequestError, pool::Target};
use crate::{Client, producer::Core};

/// How long a broker has to say which one is the coordinator: any other can say it as well.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something that the task has to attend to.
enum Happening {
    Answered(Result<Answer, RequestError>),
    Done(Duty),
    /// Somebody wants something, or time has passed.
    Look,
}

/// Drives the transactions of a producer. Whoever waits for one of them only watches.
pub(crate) async fn run(core: Arc<Core>) {
    let mut asking: Option<BoxFuture<'static, Result<Answer, RequestError>>> = None;
    let mut duty: Option<(Duty, BoxFuture<'static, ()>)> = None;
    while !core.has_ended() {
        let now = core.clock.now();
        let next = core.poll_transactions(|transactions, identity| {
            let question = transactions.poll_question(now, identity);
            let due = transactions.poll_timeout(identity);
            (question, transactions.duty(), due)
        });
        let Some((question, wanted, due)) = next else {
            return;
        };
        if let Some(outbound) = question {
            asking = Some(Box::pin(ask(core.client.clone(), outbound)));
        }
        if duty.as_ref().map(|(duty, _)| *duty) != wanted {
            duty = wanted.map(|wanted| (wanted, carry_out(core.clone(), wanted)));
        }
        let due = core.clock.at(due.unwrap_or(Instant::FAR_FUTURE));
        let mut sleep = pin!(tokio::time::sleep_until(due));
        let mut woken = pin!(
            core.coordination
                .as_ref()
                .map(|coordination| coordination.woken())
        );
        let happening = poll_fn(|cx| {
            if let Some(answer) = &mut asking
                && let Poll::Ready(outcome) = answer.as_mut().poll(cx)
            {
                return Poll::Ready(Happening::Answered(outcome));
            }
            if let Some((duty, done)) = &mut duty
                && done.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Happening::Done(*duty));
            }
            if let Some(woken) = woken.as_mut().as_pin_mut()
                && woken.poll(cx).is_ready()
            {
                return Poll::Ready(Happening::Look);
            }
            sleep.as_mut().poll(cx).map(|()| Happening::Look)
        });
        match happening.await {
            Happening::Answered(outcome) => {
                asking = None;
                handle(&core, outcome);
            }
            Happening::Done(done) => {
                duty = None;
                core.transact(|transactions, _| transactions.handle_drained(done));
            }
            Happening::Look => {}
        }
    }
}

fn carry_out(core: Arc<Core>, duty: Duty) -> BoxFuture<'static, ()> {
    match duty {
        Duty::Flush => Box::pin(async move { core.flush().await }),
        Duty::Discard => Box::pin(async move { core.discard().await }),
    }
}

fn handle(core: &Core, outcome: Result<Answer, RequestError>) {
    let now = core.clock.now();
    let added = matches!(outcome, Ok(Answer::AddPartitionsToTxn(_)));
    core.transact(|transactions, identity| match outcome {
        Ok(answer) => transactions.handle_answer(&answer, now, identity),
        Err(error @ RequestError::Unsupported { .. }) => {
            transactions.handle_unsupported(&error.to_string().into());
        }
        Err(error) => {
            info!(%error, "a coordinator cannot be asked, retrying");
            core.client.control().request_refresh();
            transactions.handle_lost(&error.to_string().into(), now);
        }
    });
    if added {
        core.announce_identity();
    }
}

/// Asks a coordinator. One attempt.
async fn ask(client: Client, outbound: Outbound) -> Result<Answer, RequestError> {
    let Outbound {
        to,
        question,
        max_version: max,
    } = outbound;
    let target = to.map_or(Target::Any, Target::Node);
    let all = client.config().request_timeout;
    Ok(match question {
        Question::FindCoordinator { key, key_type } => {
            let make = move |version| Question::find_coordinator(key, key_type, version);
            let timeout = all.min(PATIENCE);
            Answer::FindCoordinator(client.request_with(target, make, max, timeout).await?)
        }
        Question::InitProducerId(request) => {
            Answer::InitProducerId(client.request_with(target, |_| request, max, all).await?)
        }
        Question::AddPartitionsToTxn(request) => {
            Answer::AddPartitionsToTxn(client.request_with(target, |_| request, max, all).await?)
        }
        Question::AddOffsetsToTxn(request) => {
            Answer::AddOffsetsToTxn(client.request_with(target, |_| request, max, all).await?)
        }
        Question::TxnOffsetCommit(request) => {
            Answer::TxnOffsetCommit(client.request_with(target, |_| request, max, all).await?)
        }
        Question::EndTxn(request) => {
            Answer::EndTxn(client.request_with(target, |_| request, max, all).await?)
        }
    })
}
