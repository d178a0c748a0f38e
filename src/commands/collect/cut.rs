//! Windows that the servers cannot bear: halves, then parts of a day, then given up.

use super::plan::Task;
use super::tag::Tag;
use crate::source::research::{Part, Problem, Search, Stop, Window, tile};
use crate::store::{WindowLine, WindowState};

impl Tag<'_> {
    /// The servers could not do it: halves, then parts of a day, then given up.
    pub(super) fn overloaded(
        &self,
        task: &Task,
        mut line: WindowLine,
        search: &Search,
        problem: &Problem,
    ) -> Result<Vec<Task>, Stop> {
        line.log_id.clone_from(&problem.log_id);
        if problem.too_much && !search.answered() {
            let half = task.window.days().div_ceil(2);
            self.bearable.set(self.bearable.get().min(half.max(1)));
        }
        let (open, read) = search.split_off();
        let pieces: Vec<Task> = match open.halves() {
            Some((first, second)) => {
                vec![Task::new(first, None, None), Task::new(second, None, None)]
            }
            // The days above were read already: the last one is tried alone.
            None if open != task.window => vec![Task::new(open, None, None)],
            None => self.first_share(task, open, problem).into_iter().collect(),
        };
        if pieces.is_empty() {
            self.give_up_with(task, line, problem)?;
            return Ok(Vec::new());
        }
        line.state = WindowState::Split;
        line.why = format!("{}; cut into smaller searches", problem.message);
        (line.search_id, line.cursor) = (None, None);
        let asked_with = line.end_date;
        let mut lines = vec![line];
        if let Some(read) = read {
            let mut read = self.line(read, None, WindowState::Done);
            read.end_date = asked_with;
            read.why = "read before the search above it was cut".into();
            lines.push(read);
        }
        for piece in &pieces {
            lines.push(self.line(piece.window, piece.part, WindowState::Open));
        }
        self.put(lines)?;
        Ok(pieces)
    }

    /// The smallest share of a day, or of a share of it, which shows whether cutting helps.
    fn first_share(&self, task: &Task, day: Window, problem: &Problem) -> Option<Task> {
        // A trial that merely fails shows that cutting does not help; one that is too much, that
        // it has to be cut further.
        if !task.waiting.is_empty() && !problem.too_much {
            return None;
        }
        let first = Part::below(task.part, &self.subject.query)
            .first()
            .copied()?;
        let mut waiting = task.waiting.clone();
        waiting.push(task.part);
        Some(Task {
            waiting,
            ..Task::new(day, Some(first), None)
        })
    }

    /// Nothing smaller can be asked, or it would not help: given up, with all that waited for it.
    fn give_up_with(&self, task: &Task, line: WindowLine, problem: &Problem) -> Result<(), Stop> {
        let state = self.blame();
        let known = self.shelf.windows(&self.query_key);
        for above in &task.waiting {
            let name = above.map(|part| part.to_string());
            let cut = known
                .iter()
                .find(|known| known.part == name && known.from == line.from && known.to == line.to);
            if let Some(cut) = cut {
                self.give_up(cut.clone(), state, problem.message.clone())?;
            }
        }
        self.give_up(line, state, problem.message.clone())
    }

    /// Once the first share of a day was answered, the others are worth asking for.
    pub(super) fn other_shares(&self, task: &Task) -> Vec<Task> {
        let shares = |&above: &Option<Part>| {
            let all = Part::below(above, &self.subject.query).into_iter();
            all.skip(1)
                .map(|part| Task::new(task.window, Some(part), None))
        };
        task.waiting.iter().flat_map(shares).collect()
    }

    /// A window longer than the API has shown to bear.
    pub(super) fn cut_in_advance(&self, task: &Task) -> Result<Vec<Task>, Stop> {
        let days = u16::try_from(self.bearable.get()).unwrap_or(1);
        let pieces = tile(task.window, days);
        let mut parent = self.line(task.window, None, WindowState::Split);
        parent.why = "the API could not bear a search of that length".into();
        let mut lines = vec![parent];
        for &piece in &pieces {
            lines.push(self.line(piece, None, WindowState::Open));
        }
        self.put(lines)?;
        Ok(pieces
            .into_iter()
            .map(|piece| Task::new(piece, None, None))
            .collect())
    }

    /// Whose fault a failure is: the window's, if others were answered.
    pub(super) fn blame(&self) -> WindowState {
        if self.answered.get() {
            WindowState::Unavailable
        } else {
            WindowState::Failed
        }
    }

    pub(super) fn give_up(
        &self,
        mut line: WindowLine,
        state: WindowState,
        why: String,
    ) -> Result<(), Stop> {
        let window = Window {
            from: line.from,
            to: line.to,
        };
        let part = line
            .part
            .as_ref()
            .map_or(String::new(), |part| format!(" ({part})"));
        self.tally
            .borrow_mut()
            .failed
            .push(format!("{window}{part}: {}: {why}", state.name()));
        line.state = state;
        line.why = why;
        (line.search_id, line.cursor, line.until) = (None, None, None);
        self.put(vec![line])
    }
}
